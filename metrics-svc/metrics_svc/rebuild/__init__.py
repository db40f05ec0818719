"""The facts, told anew from the topics: into a schema of their own, compared with those in use, put in their place."""
