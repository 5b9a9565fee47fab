"""What the operator declares: region.yaml and waivers.yaml.  Nothing of ours is imported, and nobody is contacted."""
