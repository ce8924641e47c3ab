# syntax=docker/dockerfile:1
# One image for every role: `parley run`, `parley gateway`, `parley worker`. See docs/deployment.md.

FROM python:3.11-slim-bookworm AS build
RUN pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
RUN python -m venv --without-pip /opt/venv
WORKDIR /app
COPY requirements.lock requirements-dev.lock ./
RUN uv pip install --python /opt/venv/bin/python --no-cache --compile-bytecode --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY config config
COPY knowledge knowledge
COPY agents agents
COPY channels channels
COPY bot bot
COPY examples examples
# Parley runs from its folder, because its defaults point at examples/; the build backend is held to the lock as well.
RUN uv pip install --python /opt/venv/bin/python --no-cache --no-deps --build-constraints requirements-dev.lock -e . \
 && /opt/venv/bin/python -m compileall -q bot agents channels knowledge config

FROM python:3.11-slim-bookworm
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /tmp --shell /usr/sbin/nologin parley \
 && install -d -o parley -g parley /data /etc/parley
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PARLEY_HTTP_HOST=0.0.0.0 \
    PARLEY_DATA_DIR=/data
USER parley
# Mount parley.yaml and assistants/ here; the defaults apply where there are none.
WORKDIR /etc/parley
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + (os.environ.get('PARLEY_HTTP_PORT') or '8080') + '/healthz', timeout=4)"]
ENTRYPOINT ["parley"]
CMD ["run"]
