//! A connection to a replica, driven by whoever waits for what comes on it.
//!
//! With a task of its own to drive it, every answer would be handed from thread to thread twice more, and
//! nobody would know at the answer's end that the connection is free.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use axum::http::{Request, Response};
use bytes::Bytes;
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use super::upload::Sending;

/// An open connection. Dropping it closes it, and lets a request go that it is at.
pub(super) struct Connection {
    sender: SendRequest<Sending>,
    /// What reads and writes, until the connection ends.
    driver: Option<Driver>,
}

type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>> + Send>>;

impl Connection {
    pub(super) async fn over<S>(stream: S) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let shaken = http1::handshake(TokioIo::new(stream)).await;
        let (sender, driver) = shaken.map_err(io::Error::other)?;
        Ok(Self { sender, driver: Some(Box::pin(driver)) })
    }

    /// Sends a request, and returns when its answer begins.
    pub(super) async fn send(
        &mut self,
        request: Request<Sending>,
    ) -> hyper::Result<Response<Incoming>> {
        let mut answer = pin!(self.sender.send_request(request));
        let driver = &mut self.driver;
        poll_fn(|context| {
            drive(driver, context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Reads on in the body of the answer.
    pub(super) fn poll_body(
        &mut self,
        body: &mut Incoming,
        context: &mut Context<'_>,
    ) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        drive(&mut self.driver, context);
        Pin::new(body).poll_frame(context)
    }

    /// Returns whether it is open, and the answer before was taken whole.
    pub(super) fn is_free(&mut self) -> bool {
        // Takes note of what has come meanwhile: the end of the answer, or that the replica has closed it.
        drive(&mut self.driver, &mut Context::from_waker(Waker::noop()));
        self.driver.is_some() && self.sender.is_ready()
    }
}

fn drive(driver: &mut Option<Driver>, context: &mut Context<'_>) {
    let Some(running) = driver else { return };
    // Why it ended is told to the request that was on it.
    if running.as_mut().poll(context).is_ready() {
        *driver = None;
    }
}
