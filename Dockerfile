# The image of the service and the worker. The demo and the simulator are not in it.
FROM python:3.13-slim-bookworm AS packages
WORKDIR /build
COPY requirements/run.txt .
RUN python -m venv /srv/venv \
    && /srv/venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check \
       --require-hashes -r run.txt \
    && printf '#!/srv/venv/bin/python\nfrom app.cli import main\n\nmain()\n' > /srv/venv/bin/didi \
    && chmod 0755 /srv/venv/bin/didi

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --user-group --home-dir /nonexistent --no-create-home \
    --shell /usr/sbin/nologin didi
# A new volume takes owner and mode from here.
RUN install -d -o 10001 -g 10001 -m 0700 /srv/media
COPY --from=packages /srv/venv /srv/venv
COPY . /srv/didi
WORKDIR /srv/didi
ENV PATH=/srv/venv/bin:$PATH \
    PYTHONPATH=/srv/didi \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DIDI_ENV=production \
    DIDI_HOST=0.0.0.0
USER 10001:10001
EXPOSE 8000
ENTRYPOINT ["didi"]
CMD ["serve"]
