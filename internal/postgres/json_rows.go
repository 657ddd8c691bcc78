package postgres

import (
	"encoding/hex"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// jsonRows is a JSON array of rows, each an object with a member for each column that is not NULL. jsonb_to_recordset reads it.
type jsonRows struct {
	bytes []byte
	n     int
	// name of the column that is written next.
	name string
	err  error
}

func (j *jsonRows) begin() {
	if j.n++; j.n == 1 {
		j.bytes = append(j.bytes, '[')
	} else {
		j.bytes = append(j.bytes, ',')
	}
	j.bytes = append(j.bytes, '{')
}

// appendTo adds the rows to the members of a JSON object.
func (j *jsonRows) appendTo(object []byte, name string) []byte {
	if object[len(object)-1] != '{' {
		object = append(object, ',')
	}
	object = append(object, '"')
	object = append(object, name...)
	object = append(object, '"', ':')
	return append(append(object, j.bytes...), ']')
}

func (j *jsonRows) end() { j.bytes = append(j.bytes, '}') }

// member begins a member of the row.
func (j *jsonRows) member() {
	if j.bytes[len(j.bytes)-1] != '{' {
		j.bytes = append(j.bytes, ',')
	}
	j.bytes = append(j.bytes, '"')
	j.bytes = append(j.bytes, j.name...)
	j.bytes = append(j.bytes, '"', ':')
}

func (j *jsonRows) addNull() {}

func (j *jsonRows) addUUID(u uuid.UUID) {
	j.member()
	j.bytes = append(j.bytes, '"')
	j.bytes = append(j.bytes, u.String()...)
	j.bytes = append(j.bytes, '"')
}

func (j *jsonRows) addText(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' { // has to be escaped, or may not be UTF-8
			j.addJSON(s)
			return
		}
	}
	j.member()
	j.bytes = append(j.bytes, '"')
	j.bytes = append(j.bytes, s...)
	j.bytes = append(j.bytes, '"')
}

// addBytes adds them in the form that bytea reads.
func (j *jsonRows) addBytes(b []byte) {
	j.member()
	j.bytes = append(j.bytes, `"\\x`...)
	j.bytes = hex.AppendEncode(j.bytes, b)
	j.bytes = append(j.bytes, '"')
}

func (j *jsonRows) addInt(v int64) {
	j.member()
	j.bytes = strconv.AppendInt(j.bytes, v, 10)
}

func (j *jsonRows) addFloat(v float64) {
	j.member()
	j.bytes = strconv.AppendFloat(j.bytes, v, 'g', -1, 64)
}

func (j *jsonRows) addBool(b bool) {
	j.member()
	j.bytes = strconv.AppendBool(j.bytes, b)
}

func (j *jsonRows) addTime(t time.Time) {
	j.member()
	j.bytes = append(j.bytes, '"')
	j.bytes = t.AppendFormat(j.bytes, time.RFC3339Nano)
	j.bytes = append(j.bytes, '"')
}

func (j *jsonRows) addJSON(v any) {
	value, err := json.Marshal(v)
	if err != nil {
		j.err = err
		return
	}
	j.member()
	j.bytes = append(j.bytes, value...)
}
