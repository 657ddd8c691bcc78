package postgres

// PrepareRoles lets a test make the roles for an older version of the schema.
var PrepareRoles = prepareRoles
