# Guildhall's image: Debian trixie (glibc 2.41, so uWebSockets.js loads unedited), Node as PID 1, a numeric user without rights.
#
#   docker build -t guildhall .
#   docker run -p 8080:8080 -v guildhall:/data guildhall
#
# Runs with a read-only root: only /data is written. docs/operating/container.md says more. Other bases, such as ones of your own
# registry:
#   --build-arg NODE_IMAGE=… --build-arg RUST_IMAGE=…   (Node 24 on trixie; Rust 1.88 or newer with a C linker on trixie or older)

ARG NODE_IMAGE=docker.io/library/node:24-trixie-slim
ARG RUST_IMAGE=docker.io/library/rust:1.95-slim-trixie

# ---- the Rust binding
FROM ${RUST_IMAGE} AS binding
WORKDIR /build
COPY Cargo.toml Cargo.lock ./
COPY crates ./crates
RUN cargo build --release --locked -p guildhall-core

# ---- packages, without what only development needs, and of uWebSockets.js only the file this platform loads
FROM ${NODE_IMAGE} AS packages
WORKDIR /build
COPY package.json package-lock.json ./
# `npm install --no-save` for a lock file without other platforms' optional packages; see runNpm in scripts/setup.mjs.
RUN options='--omit=dev --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error'; \
    npm ci $options >/tmp/npm-ci 2>&1 || \
    { grep -q 'npm error Missing: ' /tmp/npm-ci && npm install --no-save $options; } || \
    { cat /tmp/npm-ci >&2; exit 1; }
RUN set -eu; \
    rm -rf node_modules/node-linux-* node_modules/.bin node_modules/.cache; \
    cd node_modules/uWebSockets.js; \
    keep="uws_$(node -p 'process.platform + "_" + process.arch + "_" + process.versions.modules').node"; \
    test -f "$keep"; \
    find . -type f ! -name "$keep" ! -name package.json ! -name uws.js ! -name ESM_wrapper.mjs ! -name LICENSE -delete; \
    find . -type d -empty -delete

# ---- the image
FROM ${NODE_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Guildhall" \
      org.opencontainers.image.description="Self-hosted real-time gateway for chat and voice that speaks Discord's Gateway v10 and REST v10" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /app
COPY package.json ./
COPY --from=packages /build/node_modules ./node_modules
COPY bin ./bin
COPY scripts/node ./scripts/node
COPY src ./src
COPY native ./native
COPY --from=binding /build/target/release/libguildhall_core.so ./native/build/guildhall-core.node
# .sealed: nothing is set up at start. Loading uWebSockets.js once keeps the copy it makes, which a read-only root could not. The
# user has no name: nothing needs one. It must be able to read what was checked out under a strict umask, and a volume takes its
# owner and mode from /data.
RUN set -eu; \
    touch .sealed; \
    node --disable-warning=ExperimentalWarning -e "import('/app/native/uws.ts').then((uws) => uws.loadUws())"; \
    find . ! -perm -a=r -exec chmod a+rX {} +; \
    ln -s /app/bin/guildhall /usr/local/bin/guildhall; \
    mkdir -m 700 /data; \
    chown 10001:10001 /data
ENV NODE_ENV=production \
    GUILDHALL_HTTP_HOST=0.0.0.0 \
    GUILDHALL_DATA_DIR=/data
USER 10001:10001
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
# Healthy is what answers requests. Of the doctor's report that one check counts: a full disk or few descriptors are for the
# operator, and its exit code is 0 too where no server runs yet. Costs about 0.3 s of a core.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["guildhall", "doctor", "--serving", "--json"]
ENTRYPOINT ["node", "--disable-warning=ExperimentalWarning", "/app/src/cli/main.ts"]
CMD ["serve"]
