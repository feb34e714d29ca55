"""The core of avctl: what it knows, what it decides, what it keeps."""
