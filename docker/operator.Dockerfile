# Warung, the operator: one static program, the certificates of public authorities, nothing else.
#   docker build -f docker/operator.Dockerfile -t warung-operator .
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates
WORKDIR /warung
COPY . .
RUN cargo build --locked --profile image -p warung-operator --bins
RUN install -D target/image/warung-operator /root-fs/warung-operator \
 && install -d -m 1777 /root-fs/tmp \
 && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ca-certificates.crt \
 && echo 'warung:x:65532:65532::/:/sbin/nologin' >/root-fs/etc/passwd \
 && echo 'warung:x:65532:' >/root-fs/etc/group

FROM scratch
COPY --from=build /root-fs /
USER 65532:65532
WORKDIR /
# Huge pages would make it hold a third more memory than it uses.
ENV MIMALLOC_ALLOW_THP=0
ENTRYPOINT ["/warung-operator"]
LABEL org.opencontainers.image.title="Warung, the operator" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
