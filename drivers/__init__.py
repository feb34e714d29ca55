"""One module per make of device."""
