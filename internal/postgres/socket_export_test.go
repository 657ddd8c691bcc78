package postgres

import "time"

// EndLifetime has a connection, as sql.Conn.Raw gives it, have been open for as long as it may.
func EndLifetime(driverConn any) { driverConn.(*conn).ends = time.Now() }
