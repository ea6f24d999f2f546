"""What `import liftlab` offers: each name forgives what people type, and shows itself."""
