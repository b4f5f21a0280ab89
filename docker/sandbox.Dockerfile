# Warung, WhatsApp and Midtrans played: one static program, the certificates of public authorities, nothing else.
#   docker build -f docker/sandbox.Dockerfile -t warung-sandbox .
FROM rust:1.95-alpine AS build
RUN apk add --no-cache build-base ca-certificates
WORKDIR /warung
COPY . .
RUN cargo build --locked --profile image -p warung-sandbox --bins
RUN install -D target/image/warung-sandbox /root-fs/warung-sandbox \
 && install -d -m 1777 /root-fs/tmp \
 && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /root-fs/etc/ssl/certs/ca-certificates.crt \
 && echo 'warung:x:65532:65532::/:/sbin/nologin' >/root-fs/etc/passwd \
 && echo 'warung:x:65532:' >/root-fs/etc/group

FROM scratch
COPY --from=build /root-fs /
# The demo's catalogue, for shops that are only played.
COPY demo/products.csv demo/categories.csv /demo/
COPY demo/images /demo/images
COPY demo/units /demo/units
USER 65532:65532
WORKDIR /
ENTRYPOINT ["/warung-sandbox"]
LABEL org.opencontainers.image.title="Warung, WhatsApp and Midtrans played" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
