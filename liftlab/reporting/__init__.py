"""What people read: figures, tables, messages, and notebooks rendered to pages."""
