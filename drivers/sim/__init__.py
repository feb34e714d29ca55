"""One simulator per driver, under the same name: a server other people's clients can use."""
