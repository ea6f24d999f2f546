"""Every figure of a page, each written once: at most five hues, and a legend that names them."""
