# Warung, a shop's bot: one static program, the certificates of public authorities, nothing else.
#   docker build -f docker/bot.Dockerfile -t warung-bot .
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates
WORKDIR /warung
COPY . .
RUN cargo build --locked --profile image -p warung-bot --bins
RUN install -D target/image/warung-bot /root-fs/warung-bot \
 && install -d -m 1777 /root-fs/tmp \
 && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ca-certificates.crt \
 && echo 'warung:x:65532:65532::/:/sbin/nologin' >/root-fs/etc/passwd \
 && echo 'warung:x:65532:' >/root-fs/etc/group

FROM scratch
COPY --from=build /root-fs /
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/warung-bot"]
LABEL org.opencontainers.image.title="Warung, a shop's bot" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
