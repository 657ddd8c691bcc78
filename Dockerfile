# The server with the embedded web app: a static binary in an empty image, without a shell, run by an unprivileged user.
# It needs a DATABASE_URL; docker-compose.yml sets one.

FROM node:20.20.2-bookworm-slim AS web
WORKDIR /src/web
COPY web/package.json web/package-lock.json ./
RUN npm ci --no-audit --no-fund
COPY schema/ /src/schema/
COPY web/ ./
RUN npm run build

FROM golang:1.26.8-bookworm AS server
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY schema/ schema/
COPY graph/ graph/
COPY internal/ internal/
COPY server/ server/
COPY web/embed.go web/embed.go
COPY --from=web /src/web/dist/ web/dist/
RUN CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags=-s -o /out/server ./server

FROM scratch
COPY --from=server /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=server /out/server /bin/server
# A numeric user id, so that orchestrators can verify that it is not root.
USER 65532:65532
ENV ADDR=0.0.0.0:8080 \
    ADMIN_ADDR= \
    LOG_FORMAT=json
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["/bin/server", "healthcheck"]
ENTRYPOINT ["/bin/server"]
