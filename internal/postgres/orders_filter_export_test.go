package postgres

// WindowRows is windowRows, for tests.
const WindowRows = windowRows
