FROM python:3.13-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /srv/onefile
RUN python -m venv /opt/venv
COPY pyproject.toml constraints.txt README.md ./
# The dependencies and the `onefile` command; an editable install leaves the code where the next stage puts it, so a
# change of code alone installs nothing again. The wheel with the embedded server is not part of it.
RUN mkdir app && touch app/__init__.py && /opt/venv/bin/pip install -c constraints.txt -e .

FROM python:3.13-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /srv/onefile
RUN useradd --system --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin onefile
COPY --from=build /opt/venv /opt/venv
COPY alembic.ini ./
COPY migrations migrations
COPY app app
RUN python -m compileall -q app migrations
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
# ProxyHandler({}): a proxy in the environment is not for this call.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=3 CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:8000/health/live', timeout=2)"]
ENTRYPOINT ["onefile"]
CMD ["serve", "--host", "0.0.0.0"]
