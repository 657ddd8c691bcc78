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

// state is the progress of the connection's handshake. A closing socket handles no messages, so it needs no state here.
type state uint8

const (
	awaitingInit state = iota // no connection_init has been accepted
	ready                     // connection_ack has been sent
	states                    // number of states
)

// action handles a message.
type action func(*conn, message)

// dialect describes one subprotocol: the action of each message in each state, and the names of our messages.
type dialect struct {
	subprotocol string
	// table has a row for each type of message that a client may send, and a column for each state. Any other type is
	// invalid in every state.
	table map[string][states]action
	// invalid handles an invalid message; message.reason says why it is invalid.
	invalid action
	// next carries a result, failed ends an operation before its execution, complete ends one after it.
	next, failed, complete string
	// legacy marks subscriptions-transport-ws: it has a single error as payload, ka messages and connection_error.
	legacy bool
}

// dialects lists the subprotocols in order of preference.
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

// init fills in the tables. As initial values they would form an initialisation cycle through the actions.
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

// withID has the messages that concern one operation.
var withID = map[string]bool{"subscribe": true, "complete": true, "start": true, "stop": true}

// maxIDBytes bounds an operation's id, which is kept while the operation runs. Clients send numbers or UUIDs.
const maxIDBytes = 256

// message is one message from the client.
type message struct {
	kind    string
	id      string
	payload json.RawMessage // nil when absent or null
	reason  string          // why it is invalid; for dialect.invalid
}

// parseMessage parses the envelope. Keys match exactly and may occur once, in the payload too. Unknown keys are ignored,
// unless they differ from a known key only in case: another parser might take them for it.
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

// text returns the string that a JSON value holds; false when it is not a string.
func text(raw json.RawMessage) (string, bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	var s string
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

// receive handles the data of one frame.
func (c *conn) receive(frameType int, data []byte) {
	if frameType != websocket.TextMessage {
		c.close(CloseBadRequest, "Invalid message: binary frames are not part of the protocol")
		return
	}
	m, err := parseMessage(data)
	// An operation is counted, and refused, as an operation.
	if begins := err == nil && c.state == ready && (m.kind == "subscribe" || m.kind == "start"); !begins && !c.countMessage() {
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

// shownKind returns a message's type for a reason, which is logged too. It replaces a type that does not look like the name
// of a message.
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

// answerInvalid answers an invalid message and keeps the socket open, as the legacy protocol does.
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
