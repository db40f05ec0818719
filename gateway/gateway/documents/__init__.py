"""What people read: one OpenAPI document of everything public, a page that shows it, a page per problem."""
