"""Who may sign in: members and staff, their log-ins, their passwords, their roles."""
