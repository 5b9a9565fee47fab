"""The one way in: what `az-checks` starts.  Installed, the whole suite lies below this package, in `suite`."""
