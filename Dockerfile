# The container image of Sluice. Two targets:
#   cluster  (the last one, so the default): the cluster profile, on Kafka, Redis, Postgres and ClickHouse that run elsewhere
#   embedded: everything in one container, with the bundled PostgreSQL and chDB; Linux on x64 only
# What runs is the built JavaScript, as user 10001, with a root file system that may be read-only and its data in /data.

ARG NODE_VERSION=24.21.0
ARG DEBIAN=bookworm

FROM node:${NODE_VERSION}-${DEBIAN}-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# With the optional ones, because the bundler of the console comes as one for each platform.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY src ./src
COPY console ./console
# The maps and types are for who develops.
RUN PATH="/build/node_modules/.bin:$PATH" node scripts/build.ts \
  && find dist -name '*.map' -delete && find dist -name '*.d.ts' -delete

FROM node:${NODE_VERSION}-${DEBIAN}-slim AS production
WORKDIR /app
COPY package.json package-lock.json ./

FROM production AS packages
RUN npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund

FROM production AS packages-embedded
COPY scripts/installation.js ./scripts/
# The links between the libraries of PostgreSQL are ours to make, because no install script runs here.
RUN npm ci --ignore-scripts --omit=dev --no-audit --no-fund \
  && node -e "import('./scripts/installation.js').then(({ repairLinks }) => repairLinks('/app'))"

FROM node:${NODE_VERSION}-${DEBIAN}-slim AS runtime
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice" \
  org.opencontainers.image.description="Product analytics events, from the SDKs you already use to ClickHouse" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}" \
  org.opencontainers.image.revision="${REVISION}"
# npm and yarn have nothing to do where nothing is installed.
RUN rm -rf /usr/local/lib/node_modules /usr/local/bin/npm /usr/local/bin/npx /usr/local/bin/corepack /opt/yarn-* \
  /usr/local/bin/yarn /usr/local/bin/yarnpkg \
  && groupadd --system --gid 10001 sluice \
  && useradd --system --uid 10001 --gid 10001 --home-dir /data --no-create-home --shell /usr/sbin/nologin sluice \
  && install -d -o 10001 -g 10001 -m 0700 /data
WORKDIR /app
# What Node compiled goes where even a read-only container may write; it does without when it may not.
ENV NODE_ENV=production \
  NODE_COMPILE_CACHE=/tmp/compiled \
  SLUICE_DATA_DIR=/data \
  SLUICE_HOST=0.0.0.0 \
  SLUICE_PORT=8000
COPY LICENSE NOTICE CHANGELOG.md package.json ./
COPY --from=build /build/dist ./dist
USER 10001:10001
VOLUME ["/data"]
EXPOSE 8000
STOPSIGNAL SIGTERM
# Each process that was started here answers; nothing about the engines, which a restart here would not heal.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 CMD ["node", "dist/main.js", "health"]
ENTRYPOINT ["node", "dist/main.js"]
CMD ["start"]

FROM runtime AS embedded
COPY --from=packages-embedded /app/node_modules ./node_modules
ENV SLUICE_PROFILE=embedded

FROM runtime AS cluster
COPY --from=packages /app/node_modules ./node_modules
ENV SLUICE_PROFILE=cluster
