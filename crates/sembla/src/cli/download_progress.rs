//! Shows a download while it goes on.

use crate::format;
use crate::models::download::Event;
use crate::progress::{self, Progress, Unit};

/// What is shown of one model's download.
pub(crate) struct DownloadProgress {
    model: String,
    progress: Option<Progress>,
}

impl DownloadProgress {
    /// Shows nothing until there is something to download.
    pub(crate) fn new(model: &str) -> Self {
        Self { model: model.to_owned(), progress: None }
    }

    /// Takes the next event.
    pub(crate) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Started { num_files: 0, .. } => {}
            Event::Started { commit, num_files, num_bytes } => {
                let short = commit.get(..12).unwrap_or(commit);
                let bytes = format::bytes(*num_bytes);
                let files = crate::machine::plural(*num_files, "file");
                progress::say(&format!("downloading {} at {short}: {files}, {bytes}", self.model));
                self.progress = Some(Progress::start(Unit::Bytes, *num_bytes));
            }
            Event::Advanced { num_bytes } => {
                if let Some(progress) = &mut self.progress {
                    progress.advance(*num_bytes);
                }
            }
            Event::FellBack { num_bytes } => {
                if let Some(progress) = &mut self.progress {
                    progress.fall_back(*num_bytes);
                }
            }
            Event::Waiting { path } => {
                self.note(&format!("waiting for another process that is downloading {path}"));
            }
            Event::Retrying { err, pause } => {
                let err = anyhow::Chain::new(*err).map(ToString::to_string).collect::<Vec<_>>();
                let pause = format::duration(*pause);
                self.note(&format!("{}; trying again in {pause}", err.join(": ")));
            }
        }
    }

    /// Takes the bar away.
    pub(crate) fn finish(self) {
        if let Some(progress) = self.progress {
            progress.finish();
        }
    }

    fn note(&self, text: &str) {
        match &self.progress {
            Some(progress) => progress.note(text),
            None => progress::say(text),
        }
    }
}
