# tokenswarm, and LiteLLM as a gateway to try it on. Each stage is an image of its own:
#   docker build --tag tokenswarm .                          the command `tokenswarm`
#   docker build --tag tokenswarm-locust --target locust .   the command `locust`, for the Locust operator
#   docker build --tag tokenswarm-litellm --target litellm . a LiteLLM proxy in the version that we test with
FROM python:3.11.11-slim-bookworm AS python
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# The lock constrains what is installed; what only checks the source stays out.
FROM python AS build
WORKDIR /source
COPY pyproject.toml requirements.lock README.md LICENSE ./
COPY tokenswarm tokenswarm
COPY profiles profiles
COPY locustfiles locustfiles
# `tokenswarm init` writes these.
COPY Dockerfile docker-compose.yml action.yml requirements-litellm.lock .env.example ./
COPY .github .github
COPY deploy deploy
RUN python -m venv /opt/tokenswarm \
    && /opt/tokenswarm/bin/pip wheel --quiet --no-deps --wheel-dir /opt/wheels . \
    && /opt/tokenswarm/bin/pip install --quiet --constraint requirements.lock /opt/wheels/*.whl

FROM python AS build-litellm
WORKDIR /source
COPY requirements-litellm.lock ./
RUN python -m venv /opt/litellm \
    && /opt/litellm/bin/pip install --quiet --requirement requirements-litellm.lock

FROM python AS litellm
RUN useradd --system --uid 10001 --create-home litellm
COPY --from=build-litellm /opt/litellm /opt/litellm
ENV PATH=/opt/litellm/bin:$PATH
USER 10001
WORKDIR /home/litellm
EXPOSE 4000
ENTRYPOINT ["litellm"]
CMD ["--port", "4000"]

FROM python AS base
RUN useradd --system --uid 10001 --create-home tokenswarm \
    && install --directory --owner=tokenswarm /work /work/reports
COPY --from=build /opt/tokenswarm /opt/tokenswarm
# Where locustfiles are, whatever Python's version.
RUN ln -s "$(/opt/tokenswarm/bin/python -c 'import tokenswarm; print(tokenswarm.__path__[0])')/shipped" /opt/shipped
ENV PATH=/opt/tokenswarm/bin:$PATH
USER 10001
WORKDIR /work
VOLUME /work/reports

FROM base AS locust
EXPOSE 5557 8089
ENTRYPOINT ["locust"]
CMD ["--help"]

FROM base AS tokenswarm
EXPOSE 5557 8000 8089 9646
ENTRYPOINT ["tokenswarm"]
CMD ["--help"]
