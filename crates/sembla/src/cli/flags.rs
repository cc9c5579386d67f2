//! The flags of the settings, made from the table, so that a setting is written down once.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};

use crate::config::{
    Command, FOREIGN, Given, Group, Kind, Level, SETTINGS, Setting, default_table, default_text,
};

/// The flags of one command's settings, as they were given.
#[derive(Debug)]
pub(crate) struct Flags<C> {
    pub(crate) given: Given,
    command: PhantomData<C>,
}

/// A command, as a type: clap asks a type for its flags.
pub(crate) trait HasFlags {
    const COMMAND: Command;
}

/// Declares the marker types.
macro_rules! commands {
    ($($name:ident),*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name;
        impl HasFlags for $name {
            const COMMAND: Command = Command::$name;
        }
    )*};
}
commands!(Serve, Proxy, Embed, Search, Index, IndexModel, Endpoint, Model, Doctor, ConfigShow);

const CONFIG: &str = "config";

impl<C: HasFlags> Args for Flags<C> {
    fn augment_args(mut command: clap::Command) -> clap::Command {
        let defaults = default_table();
        for setting in SETTINGS.iter().filter(|setting| setting.is_flag_of(C::COMMAND)) {
            let default = default_text(setting, &defaults);
            command = command.arg(flag(setting, default, C::COMMAND));
        }
        if takes_foreign(C::COMMAND) {
            for foreign in FOREIGN {
                let Some(name) = foreign.flag else {
                    continue;
                };
                let action = if foreign.takes_value { ArgAction::Set } else { ArgAction::SetTrue };
                command = command.arg(Arg::new(name).long(name).action(action).hide(true));
            }
        }
        command.arg(
            Arg::new(CONFIG)
                .long(CONFIG)
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help_heading(Group::Folders.title())
                .hide_short_help(true)
                .help("A TOML file of settings, below flags and variables [env: SEMBLA_CONFIG]"),
        )
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl<C: HasFlags> FromArgMatches for Flags<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = BTreeMap::new();
        for setting in SETTINGS.iter().filter(|setting| setting.is_flag_of(C::COMMAND)) {
            if let Some(values) = matches.get_many::<String>(setting.name) {
                settings.insert(setting.name, values.cloned().collect());
            }
        }
        let is_given = |name: &str| matches.value_source(name) == Some(ValueSource::CommandLine);
        let foreign = FOREIGN
            .iter()
            .filter(|foreign| takes_foreign(C::COMMAND) && foreign.flag.is_some_and(is_given));
        let given = Given {
            config: matches.get_one::<PathBuf>(CONFIG).cloned(),
            settings,
            foreign: foreign.collect(),
        };
        Ok(Self { given, command: PhantomData })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Values are read as text and checked with the other layers, so that one message serves all.
fn flag(setting: &'static Setting, default: Option<String>, command: Command) -> Arg {
    let is_switch = setting.kind == Kind::Switch;
    let action = if setting.kind.is_list() { ArgAction::Append } else { ArgAction::Set };
    let mut flag = Arg::new(setting.name)
        .long(setting.flag())
        .aliases(setting.aliases.flags.iter().copied())
        .value_name(setting.kind.value_name())
        .action(action)
        .help_heading(setting.group.title())
        .hide_short_help(setting.level == Level::Rare)
        .help(help(setting, default));
    if setting.name == "port" {
        flag = flag.short('p');
    }
    if setting.name == "model" {
        flag = flag.short('m');
    }
    if is_switch {
        // `--offline` alone is true. Where a command has arguments of its own, a value needs `=`,
        // or the switch would swallow the first of them.
        flag = flag.num_args(0..=1).default_missing_value("true");
        flag = flag.require_equals(!takes_foreign(command));
    }
    flag
}

fn help(setting: &Setting, default: Option<String>) -> String {
    let mut text = format!("{} [env: {}]", setting.help, setting.variable());
    if let Some(default) = default {
        text.push_str(&format!(" [default: {default}]"));
    }
    text
}

/// Whether the command is one that a start command of text-embeddings-inference turns into.
fn takes_foreign(command: Command) -> bool {
    matches!(command, Command::Serve | Command::ConfigShow)
}

/// Reads the value of a flag that counts something of which there must be one at least.
pub(crate) fn count(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "expected a whole number from 1".to_owned())
}

/// Reads the value of a flag that gives something a name and a value.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => {
            Ok((name.to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("it is written NAME=VALUE".to_owned()),
    }
}
