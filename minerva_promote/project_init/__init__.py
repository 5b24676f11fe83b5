"""A new project from the files that this package ships."""
