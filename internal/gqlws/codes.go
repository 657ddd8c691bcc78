package gqlws

import (
	"unicode/utf8"

	"github.com/gorilla/websocket"
)

// The close codes a client sees. Those from 4400 on are PROTOCOL.md's (enisdenjo/graphql-ws); 4008 and 4029 are this
// service's; the others are RFC 6455's. The stock graphql-ws client stops after 4400, 4401, 4406, 4409, 4429, 1007 and
// 1009, and reconnects after the rest.
const (
	// CloseBadRequest: an invalid or unknown message, a missing id, bad JSON, a binary frame.
	CloseBadRequest = 4400
	// CloseUnauthorized: subscribe before the connection was acknowledged.
	CloseUnauthorized = 4401
	// CloseForbidden: connection_init was rejected, the session expired or ended, a refresh was refused.
	CloseForbidden = 4403
	// CloseSubprotocolNotAcceptable: the client offered no subprotocol we speak.
	CloseSubprotocolNotAcceptable = 4406
	// CloseInitTimeout: no connection_init in time.
	CloseInitTimeout = 4408
	// CloseSubscriberExists: subscribe with the id of an operation that is still active.
	CloseSubscriberExists = 4409
	// CloseTooManyInits: a second connection_init.
	CloseTooManyInits = 4429
	// CloseTooManyConnections: a limit on connections that is known only after sign-in, or too many messages.
	CloseTooManyConnections = 4029
	// CloseSlowConsumer: a bounded queue is full because the client does not read; it resumes with its last cursor.
	CloseSlowConsumer = 4008
	// CloseInvalidUTF8: a text frame is not UTF-8 (RFC 6455 section 8.1 demands failing the connection).
	CloseInvalidUTF8 = websocket.CloseInvalidFramePayloadData
	// CloseMessageTooBig: a message is above Config.MaxMessageBytes.
	CloseMessageTooBig = websocket.CloseMessageTooBig
	// CloseDraining: the server is shutting down.
	CloseDraining = websocket.CloseServiceRestart
	// CloseInternal: something broke on our side, or a newer replica has written what this one cannot read; it is in the log.
	CloseInternal = websocket.CloseTryAgainLater
)

const (
	drainReason    = "server is restarting: reconnect and resume with the last cursor as `after`"
	internalReason = "internal failure: reconnect and resume with the last cursor as `after`"
	outdatedReason = "this server is being replaced by a newer one: reconnect and resume with the last cursor as `after`"
	slowReason     = "slow consumer: reconnect and resume with the last cursor as `after`"
)

// slowReasonFor returns the reason of a 4008 that is due to one operation: `after=` with the cursor of the last item sent
// for it, then the operation's id. The socket's other operations resume with the last cursors that they have received. The
// cursor comes before the id, so that a long id is cut off and not the cursor.
func slowReasonFor(cursor, id string) string {
	if cursor == "" {
		return slowReason
	}
	return "slow consumer: reconnect and resume with after=" + cursor + " (id " + id + ")"
}

// closeReason cuts a reason to the size of a control frame (RFC 6455 section 5.5: 125 bytes with the code). It cuts at a
// character boundary, because the reason must be UTF-8.
func closeReason(reason string) string {
	const limit = 123
	if len(reason) <= limit {
		return reason
	}
	n := limit
	for n > 0 && !utf8.RuneStart(reason[n]) {
		n--
	}
	return reason[:n]
}
