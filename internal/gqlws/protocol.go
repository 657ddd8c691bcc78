package gqlws

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gorilla/websocket"

	"github.com/orderwire/orderwire/internal/exactjson"
)

// state is how far the client and the server have got. A socket that is closing reads nothing any more, so that needs
// no state here.
type state uint8

const (
	awaitingInit state = iota // no connection_init has been accepted
	ready                     // connection_ack has been sent
	states                    // how many there are
)

// action is what a message does.
type action func(*conn, message)

// dialect is one subprotocol: what each message does in each state, and the names of what we send.
type dialect struct {
	subprotocol string
	// table has a row for each type of message a client may send, a column for each state. A type that is not there
	// is invalid in every state.
	table map[string][states]action
	// invalid answers what is not a message, with a reason.
	invalid action
	// next, failed and complete are the types of the messages that carry a result, end an operation before its
	// execution, and end it after.
	next, failed, complete string
	// legacy marks subscriptions-transport-ws: a single error as payload, ka messages, connection_error.
	legacy bool
}

// dialects in order of preference.
var dialects = []*dialect{&transportWS, &legacyWS}

// transportWS is graphql-transport-ws.
var transportWS = dialect{
	subprotocol: "graphql-transport-ws",
	next:        "next",
	failed:      "error",
	complete:    "complete",
}

// legacyWS is graphql-ws, the protocol of subscriptions-transport-ws.
var legacyWS = dialect{
	subprotocol: "graphql-ws",
	next:        "data",
	failed:      "error",
	complete:    "complete",
	legacy:      true,
}

// init fills in the tables: as initial values they would refer to themselves through the actions.
func init() {
	transportWS.invalid = (*conn).closeInvalid
	transportWS.table = map[string][states]action{
		//                  awaitingInit             ready
		"connection_init": {(*conn).initialise, (*conn).closeSecondInit},
		"subscribe":       {(*conn).closeUnauthorized, (*conn).subscribe},
		"complete":        {(*conn).ignore, (*conn).cancelOperation},
		"ping":            {(*conn).pong, (*conn).pongOrRefresh},
		"pong":            {(*conn).ignore, (*conn).ignore},
	}
	legacyWS.invalid = (*conn).answerInvalid
	legacyWS.table = map[string][states]action{
		//                       awaitingInit             ready
		"connection_init":      {(*conn).initialise, (*conn).closeSecondInit},
		"start":                {(*conn).closeUnauthorized, (*conn).subscribe},
		"stop":                 {(*conn).ignore, (*conn).stopOperation},
		"connection_terminate": {(*conn).terminate, (*conn).terminate},
	}
}

// withID are the messages that concern one operation.
var withID = map[string]bool{"subscribe": true, "complete": true, "start": true, "stop": true}

// maxIDBytes bounds an operation's id: each is kept while its operation runs. Clients send numbers or UUIDs.
const maxIDBytes = 256

// message is one message from the client.
type message struct {
	kind    string
	id      string
	payload json.RawMessage // nil when absent or null
	reason  string          // why it is invalid, for dialect.invalid
}

// parseMessage reads the envelope. Keys are matched exactly and may come once, also in the payload; keys it does not know are
// ignored, unless they differ from a known one only in case: another reader may take them for it.
func parseMessage(data []byte) (message, error) {
	fields, err := exactjson.Object(data, "type", "id", "payload")
	if err != nil {
		return message{}, errors.New("message is not a JSON object with each member once and `type`, `id` and `payload` in this case")
	}
	var m message
	kind, ok := text(fields["type"])
	if !ok {
		return message{}, errors.New("message has no `type`")
	}
	m.kind = kind
	if withID[kind] {
		id, ok := text(fields["id"])
		switch {
		case !ok || id == "":
			return message{}, fmt.Errorf("`%s` needs a non-empty string as `id`", kind)
		case len(id) > maxIDBytes:
			return message{}, fmt.Errorf("`id` is longer than %d bytes", maxIDBytes)
		}
		m.id = id
	}
	if payload := fields["payload"]; len(payload) > 0 && !bytes.Equal(payload, []byte("null")) {
		// All payloads of both protocols are objects.
		if payload[0] != '{' {
			return message{}, errors.New("`payload` is not an object")
		}
		m.payload = payload
	}
	return m, nil
}

// text returns the string a JSON value is.
func text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// receive acts on one frame's data.
func (c *conn) receive(frameType int, data []byte) {
	if frameType != websocket.TextMessage {
		c.close(CloseBadRequest, "Invalid message: binary frames are not part of the protocol")
		return
	}
	m, err := parseMessage(data)
	// An operation that begins counts by itself, and is refused by itself.
	if begins := err == nil && c.state == ready && (m.kind == "subscribe" || m.kind == "start"); !begins && !c.count() {
		return
	}
	if err != nil {
		c.dialect.invalid(c, message{reason: err.Error()})
		return
	}
	row, ok := c.dialect.table[m.kind]
	if !ok {
		c.dialect.invalid(c, message{reason: shownKind(m.kind) + " is not a message a client may send"})
		return
	}
	row[c.state](c, m)
}

// shownKind repeats a type in a reason, which the log gets too, unless it may be anything but the name of a message.
func shownKind(kind string) string {
	if len(kind) > 24 || strings.Trim(kind, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return "its `type`"
	}
	return "`" + kind + "`"
}

func (c *conn) ignore(message) {}

func (c *conn) closeInvalid(m message) {
	c.close(CloseBadRequest, "Invalid message: "+m.reason)
}

// answerInvalid: the legacy protocol answers a message it cannot parse and goes on.
func (c *conn) answerInvalid(m message) {
	c.reply("connection_error", map[string]string{"message": "Invalid message: " + m.reason})
}

func (c *conn) closeSecondInit(message) {
	c.close(CloseTooManyInits, "Too many initialisation requests")
}

func (c *conn) closeUnauthorized(message) {
	c.close(CloseUnauthorized, "Unauthorized: wait for connection_ack")
}

func (c *conn) terminate(message) {
	c.close(websocket.CloseNormalClosure, "")
}
