"""The server as SageMaker, and the way to it."""

from aws import archive, client, client_environment, deploy, plane, proxied, sagemaker, store

__all__ = ["archive", "client", "client_environment", "deploy", "plane", "proxied", "sagemaker", "store"]
