# The project in a container, without root rights, and with the environment that `make` sets up.
#
#   docker build -t mnist-pipeline .
#   docker run -it mnist-pipeline                         # make repro
#   docker run -it mnist-pipeline make test
#   docker run -it --network host mnist-pipeline bash     # a shell; the host sees `make demo`
#
# Checked with hadolint only: no image was built where this file was written. The same commands ran
# there as a user without root rights, in a new Debian 12 with only Python, git and make.
FROM python:3.11-slim-bookworm

# Versions of git and make do not matter.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --no-install-recommends -y git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 user \
    && install -d -o user -g user /home/user/mnist-pipeline
USER 1000
WORKDIR /home/user/mnist-pipeline

# Only these two files determine the environment, so an edit of another file does not repeat this.
COPY --chown=user:user Makefile requirements.lock ./
RUN PIP_NO_CACHE_DIR=1 make setup
COPY --chown=user:user . .
CMD ["make", "repro"]
