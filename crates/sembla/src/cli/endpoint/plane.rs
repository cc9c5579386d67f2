//! What every command of endpoints does first: find the running server, and which endpoint is meant.

use std::future::Future;
use std::time::Duration;

use anyhow::Context as _;
use endpoints::{EndpointName, Namespace};
use tokio::runtime::Runtime;
use wire::huggingface_endpoints as wire;

use super::super::flags::{Endpoint, Flags};
use super::super::start::start;
use crate::config::{Command, Env};
use crate::format::there_are;
use crate::owner::{AskError, ControlClient, OwnerError, Target};

/// Flags of every command.
#[derive(Debug, clap::Args)]
pub(super) struct Common {
    /// The namespace; else the server's own
    #[arg(long, value_name = "NAME")]
    pub(super) namespace: Option<Namespace>,

    /// Print JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    flags: Flags<Endpoint>,
}

/// How an answer is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// For programs.
    Json,
}

/// Arguments of every command that is about one endpoint.
#[derive(Debug, clap::Args)]
pub(super) struct OfOne {
    /// The endpoint
    pub(super) name: EndpointName,

    #[command(flatten)]
    pub(super) common: Common,
}

/// The control plane of the running server, and what runs the requests to it.
pub(super) struct Plane {
    client: ControlClient,
    runtime: Runtime,
}

impl Common {
    /// Returns how to print the answer.
    pub(super) fn form(&self) -> Form {
        if self.json { Form::Json } else { Form::Text }
    }
}

impl OfOne {
    /// Finds the running server, and says which endpoint is meant. It need not exist.
    ///
    /// # Errors
    ///
    /// If no server runs.
    pub(super) fn open(&self, env: &Env) -> anyhow::Result<(Plane, Target)> {
        self.open_within(env, None)
    }

    /// The same, and gives each answer of the server so much time.
    ///
    /// # Errors
    ///
    /// If no server runs, or it does not answer.
    pub(super) fn open_within(
        &self,
        env: &Env,
        limit: Option<Duration>,
    ) -> anyhow::Result<(Plane, Target)> {
        let plane = Plane::open(&self.common, env)?;
        let plane = Plane { client: plane.client.within(limit), ..plane };
        let namespace = plane.namespace(&self.common)?;
        Ok((plane, Target { namespace, name: self.name.clone() }))
    }
}

impl Plane {
    /// Finds the server that runs on the data directory.
    ///
    /// # Errors
    ///
    /// If none does.
    pub(super) fn open(common: &Common, env: &Env) -> anyhow::Result<Self> {
        let started = start(Command::Endpoint, &common.flags.given, env)?;
        let dir = started.config.data_dir.ok_or(OwnerError::NoDataDir)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("failed to start what asks the server")?;
        let client = runtime.block_on(ControlClient::connect(&dir))?;
        Ok(Self { client, runtime })
    }

    /// What to ask.
    pub(super) fn client(&self) -> &ControlClient {
        &self.client
    }

    /// Runs a request.
    pub(super) fn wait<T>(&self, request: impl Future<Output = T>) -> T {
        self.runtime.block_on(request)
    }

    /// Runs a request that is about one endpoint.
    ///
    /// # Errors
    ///
    /// If there is none of this name; the error names those that there are.
    pub(super) fn wait_on<T>(
        &self,
        target: &Target,
        request: impl Future<Output = Result<T, AskError>>,
    ) -> anyhow::Result<T> {
        match self.wait(request) {
            Err(AskError::NotFound { message }) => Err(self.not_found(target, &message)?),
            answered => Ok(answered?),
        }
    }

    fn not_found(&self, target: &Target, message: &str) -> anyhow::Result<anyhow::Error> {
        let known = self.wait(self.client.list(&target.namespace))?;
        Ok(anyhow::anyhow!(
            "{message} ({}); create it with `sembla endpoint create {} --model MODEL`",
            there_are(known.iter().map(|endpoint| &endpoint.name)),
            target.name
        ))
    }

    /// Returns an endpoint.
    ///
    /// # Errors
    ///
    /// If there is none of this name.
    pub(super) fn get(&self, target: &Target) -> anyhow::Result<wire::Endpoint> {
        self.wait_on(target, self.client.get(target))
    }

    /// Returns the namespace that is meant: the server's own if none is given.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(super) fn namespace(&self, common: &Common) -> anyhow::Result<Namespace> {
        match &common.namespace {
            Some(namespace) => Ok(namespace.clone()),
            None => Ok(self.wait(self.client.who_am_i())?.name.try_into()?),
        }
    }

    /// Returns the namespaces to look into: all in which there is an endpoint, if none is given.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(super) fn namespaces(&self, common: &Common) -> anyhow::Result<Vec<Namespace>> {
        if let Some(namespace) = &common.namespace {
            return Ok(vec![namespace.clone()]);
        }
        let me = self.wait(self.client.who_am_i())?;
        let others = me.orgs.into_iter().map(|org| org.name);
        let all = std::iter::once(me.name).chain(others).map(Namespace::try_from);
        Ok(all.collect::<Result<_, _>>()?)
    }

    /// Returns the endpoints of some namespaces.
    ///
    /// # Errors
    ///
    /// If the server does not answer.
    pub(super) fn list(
        &self,
        namespaces: &[Namespace],
    ) -> anyhow::Result<Vec<(Target, wire::Endpoint)>> {
        let mut all = Vec::new();
        for namespace in namespaces {
            for endpoint in self.wait(self.client.list(namespace))? {
                let name = EndpointName::try_from(endpoint.name.clone())?;
                all.push((Target { namespace: namespace.clone(), name }, endpoint));
            }
        }
        Ok(all)
    }
}
