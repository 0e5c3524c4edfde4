# The proxy as a container image: docker build -t fourstate .
FROM debian:12-slim AS build
COPY setup.sh /src/
RUN sh /src/setup.sh build && rm -rf /var/lib/apt/lists/*
COPY . /src
WORKDIR /src
RUN make && make install-strip DESTDIR=/image prefix=/usr sysconfdir=/etc && make installcheck DESTDIR=/image prefix=/usr sysconfdir=/etc

FROM debian:12-slim
LABEL org.opencontainers.image.title="fourstate" \
      org.opencontainers.image.description="HTTP forward proxy, reverse proxy, file server and TCP proxy" \
      org.opencontainers.image.licenses="MIT"
RUN apt-get update \
 && apt-get install -y --no-install-recommends libstdc++6 libcrypt1 zlib1g media-types \
 && rm -rf /var/lib/apt/lists/*
COPY --from=build /image /
# A number, so that Kubernetes can check runAsNonRoot.
USER 10001:10001
EXPOSE 8080
STOPSIGNAL SIGTERM
# The loop doctor answers on the port of the metrics; its exit status is 1 after an error, 2 without an answer.
HEALTHCHECK --interval=10s --timeout=3s CMD ["fourstate", "doctor", "9090"]
ENTRYPOINT ["fourstate"]
CMD ["/etc/fourstate/fourstate.json", "--metrics", "127.0.0.1:9090"]
