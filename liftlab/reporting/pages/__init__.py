"""What each notebook shows, a function a section: the notebooks themselves hold prose and calls."""
