"""The JSON face of avctl, thin."""
