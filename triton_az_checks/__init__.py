"""The one way in: what `az-checks` starts. When installed, the whole suite lies below this package, in `suite`."""
