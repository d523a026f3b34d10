"""What a person sees: LaTeX, HTML and pictures."""
