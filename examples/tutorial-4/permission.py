"""Tutorial 4's cell "Set Permission". What is changed in it is in README.md."""

import sagemaker
import boto3

sess = sagemaker.Session()
sagemaker_session_bucket = sess.default_bucket()

try:
    aws_role = sagemaker.get_execution_role()
except ValueError:
    iam = boto3.client('iam')
    aws_role= iam.get_role(RoleName='SageMakerIAMRole')['Role']['Arn']

aws_region = sess.boto_region_name
role = aws_role

print(f"sagemaker role arn: {role}")
print(f"sagemaker bucket: {sagemaker_session_bucket}")
print(f"sagemaker region: {aws_region}")


def wait_for(predictor):
    """Waits as `deploy` does, and looks every second: `deploy` itself looks every half minute."""
    return sess.wait_for_endpoint(predictor.endpoint_name, poll=1)
