//! Text → token ids and back.
//!
//! The tokenizer library does the splitting. Truncation and special tokens are done here, so that what
//! is cut off can be counted and ids can be taken as they are.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::Path;

use tokenizers::normalizers::{Lowercase, Sequence as NormalizerSequence};
use tokenizers::{NormalizerWrapper, PreTokenizerWrapper, Tokenizer as Library};

use crate::directory::TokenizerSettings;
use crate::{LoadError, TokenizeError};

/// A loaded `tokenizer.json`. One is shared by all threads.
#[derive(Debug)]
pub struct Tokenizer {
    library: Library,
    special: HashSet<u32>,
    /// Ids that stand before and after the text's own, `[CLS]` and `[SEP]` for BERT.
    prefix: Vec<u32>,
    suffix: Vec<u32>,
    vocab_size: usize,
    /// What stands before a space has no say in how what follows is split.
    splits_at_spaces: bool,
}

/// Whether special tokens are added (to a text) or kept (in decoding).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpecialTokens {
    /// Added, or kept.
    With,
    /// Neither.
    Without,
}

/// Which end of a sequence that is too long is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// The beginning.
    Left,
    /// The end.
    Right,
}

/// One input as tokens, ready for a forward pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sequence {
    /// Special tokens included. Never empty.
    pub ids: Vec<u32>,
    /// Tokens at the beginning that pooling leaves out (a prompt that the model excludes).
    pub num_skipped: usize,
    /// How many tokens there were before truncation, if there was one.
    pub truncated_from: Option<usize>,
}

/// One token of a text, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id.
    pub id: u32,
    /// Its text in the vocabulary.
    pub text: String,
    /// Whether it is a special token.
    pub special: bool,
    /// Where it stands in prompt + text, in bytes; `None` for special tokens that were added.
    pub span: Option<(usize, usize)>,
}

impl Tokenizer {
    pub(crate) fn load(path: &Path, settings: &TokenizerSettings) -> Result<Self, LoadError> {
        let bytes = fs_err::read(path)
            .map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
        Self::from_bytes(&bytes, settings).map_err(|error| LoadError::Tokenizer {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    fn from_bytes(bytes: &[u8], settings: &TokenizerSettings) -> tokenizers::Result<Self> {
        let mut library = Library::from_bytes(bytes)?;
        // A file may carry the lengths of somebody's training run. They are not the model's.
        library.with_truncation(None)?;
        library.with_padding(None);
        if let Some(normalizer) = adjusted(library.get_normalizer().cloned(), settings) {
            library.with_normalizer(Some(normalizer))?;
        }
        let special = library
            .get_added_tokens_decoder()
            .into_iter()
            .filter_map(|(id, token)| token.special.then_some(id))
            .collect();
        let (prefix, suffix) = frame(&library)?;
        let vocab_size =
            library.get_vocab(true).into_values().max().map_or(0, |id| id as usize + 1);
        let splits_at_spaces = splits_at_spaces(&library);
        Ok(Self { library, special, prefix, suffix, vocab_size, splits_at_spaces })
    }

    /// Returns how many ids there are: all below this.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Returns how many special tokens stand around every sequence.
    pub fn num_special(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    /// Turns `prompt` + `text` into a sequence of at most `max_tokens`, special tokens included.
    ///
    /// # Errors
    ///
    /// If the tokenizer library fails.
    pub fn sequence(
        &self,
        prompt: &str,
        text: &str,
        max_tokens: usize,
        cut: Cut,
    ) -> Result<Sequence, TokenizeError> {
        let ids = if prompt.is_empty() {
            self.content(text)?
        } else {
            self.content(&format!("{prompt}{text}"))?
        };
        Ok(self.framed(ids, max_tokens, cut))
    }

    /// Turns ids into a sequence of at most `max_tokens`. Special tokens are put around them, unless
    /// they are there already.
    ///
    /// # Errors
    ///
    /// If an id is not in the vocabulary.
    pub fn sequence_of_ids(
        &self,
        ids: &[u32],
        max_tokens: usize,
        cut: Cut,
    ) -> Result<Sequence, TokenizeError> {
        self.check_ids(ids)?;
        let is_framed = self.num_special() > 0
            && ids.len() >= self.num_special()
            && ids.starts_with(&self.prefix)
            && ids.ends_with(&self.suffix);
        let content =
            if is_framed { &ids[self.prefix.len()..ids.len() - self.suffix.len()] } else { ids };
        Ok(self.framed(content.to_vec(), max_tokens, cut))
    }

    fn check_ids(&self, ids: &[u32]) -> Result<(), TokenizeError> {
        match ids.iter().find(|id| **id as usize >= self.vocab_size) {
            Some(id) => {
                let max_id = u32::try_from(self.vocab_size.saturating_sub(1)).unwrap_or(u32::MAX);
                Err(TokenizeError::UnknownId { id: *id, max_id })
            }
            None => Ok(()),
        }
    }

    /// Returns how many tokens of a sequence are its prompt's: the special ones before it and its own.
    ///
    /// # Errors
    ///
    /// If the tokenizer library fails.
    pub(crate) fn prompt_len(&self, prompt: &str) -> Result<usize, TokenizeError> {
        Ok(self.prefix.len() + self.content(prompt)?.len())
    }

    /// Splits `prompt` + `text` into tokens, with their text and places. Not truncated.
    ///
    /// # Errors
    ///
    /// If the tokenizer library fails.
    pub fn tokens(
        &self,
        prompt: &str,
        text: &str,
        special: SpecialTokens,
    ) -> Result<Vec<Token>, TokenizeError> {
        let encoding = self.library.encode(format!("{prompt}{text}"), false).map_err(failed)?;
        let token = |id: u32, span| Token {
            id,
            text: self.library.id_to_token(id).unwrap_or_default(),
            special: self.special.contains(&id),
            span,
        };
        let content = encoding
            .get_ids()
            .iter()
            .zip(encoding.get_offsets())
            .map(|(id, at)| token(*id, Some(*at)));
        let frame = |ids: &[u32]| ids.iter().map(|id| token(*id, None)).collect::<Vec<_>>();
        Ok(match special {
            SpecialTokens::With => {
                frame(&self.prefix).into_iter().chain(content).chain(frame(&self.suffix)).collect()
            }
            SpecialTokens::Without => content.collect(),
        })
    }

    /// Joins ids to a text.
    ///
    /// # Errors
    ///
    /// If an id is not in the vocabulary, or the tokenizer library fails.
    pub fn decode(&self, ids: &[u32], special: SpecialTokens) -> Result<String, TokenizeError> {
        self.check_ids(ids)?;
        self.library.decode(ids, special == SpecialTokens::Without).map_err(failed)
    }

    fn content(&self, text: &str) -> Result<Vec<u32>, TokenizeError> {
        let piece_bytes = if self.splits_at_spaces { PIECE_BYTES } else { usize::MAX };
        self.content_of(pieces(text, piece_bytes))
    }

    fn content_of<'a>(
        &self,
        pieces: impl Iterator<Item = &'a str>,
    ) -> Result<Vec<u32>, TokenizeError> {
        let mut ids = Vec::new();
        for piece in pieces {
            let encoding = self.library.encode_fast(piece, false).map_err(failed)?;
            ids.extend_from_slice(encoding.get_ids());
        }
        Ok(ids)
    }

    fn framed(&self, mut content: Vec<u32>, max_tokens: usize, cut: Cut) -> Sequence {
        let num_tokens = content.len() + self.num_special();
        let room = max_tokens.saturating_sub(self.num_special());
        let truncated_from = (num_tokens > max_tokens).then_some(num_tokens);
        match cut {
            Cut::Right => content.truncate(room),
            Cut::Left => drop(content.drain(..content.len().saturating_sub(room))),
        }
        let ids = [self.prefix.as_slice(), &content, &self.suffix].concat();
        Sequence { ids, num_skipped: 0, truncated_from }
    }
}

fn failed(error: tokenizers::Error) -> TokenizeError {
    TokenizeError::Failed { reason: error.to_string() }
}

/// The library takes some 200 bytes of memory for each byte of a text, so that a long one is handed over in
/// pieces of about this size.
const PIECE_BYTES: usize = 64 << 10;

/// Cuts a text before spaces into pieces of `piece_bytes` or a little more.
fn pieces(text: &str, piece_bytes: usize) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut from = piece_bytes.min(rest.len());
        while !rest.is_char_boundary(from) {
            from += 1;
        }
        let end = rest[from..].find(' ').map_or(rest.len(), |space| from + space);
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// BERT's splitter ends a word at every space; a token that was added must not reach across one.
fn splits_at_spaces(library: &Library) -> bool {
    let is_bert =
        matches!(library.get_pre_tokenizer(), Some(PreTokenizerWrapper::BertPreTokenizer(_)));
    let added = library.get_added_tokens_decoder();
    is_bert && !added.values().any(|token| token.content.contains(char::is_whitespace))
}

/// Finds out which ids the post-processor puts before and after a text.
fn frame(library: &Library) -> tokenizers::Result<(Vec<u32>, Vec<u32>)> {
    let plain = library.encode_fast("a", false)?;
    let framed = library.encode_fast("a", true)?;
    let (plain, framed) = (plain.get_ids(), framed.get_ids());
    let begin = (0..=framed.len().saturating_sub(plain.len()))
        .find(|begin| framed[*begin..].starts_with(plain))
        .ok_or("its post-processor changes a text's own tokens, which is not supported")?;
    Ok((framed[..begin].to_vec(), framed[begin + plain.len()..].to_vec()))
}

/// Applies what the settings files say about normalization over what `tokenizer.json` says, as
/// transformers and sentence-transformers do. `None` if nothing changes.
fn adjusted(
    normalizer: Option<NormalizerWrapper>,
    settings: &TokenizerSettings,
) -> Option<NormalizerWrapper> {
    let mut normalizer = normalizer;
    let mut changed = false;
    if let Some(NormalizerWrapper::BertNormalizer(bert)) = &mut normalizer {
        if let Some(lowercase) = settings.lowercase {
            changed |= bert.lowercase != lowercase;
            bert.lowercase = lowercase;
        }
        if let Some(chinese) = settings.split_chinese_chars {
            changed |= bert.handle_chinese_chars != chinese;
            bert.handle_chinese_chars = chinese;
        }
        if let Some(strip_accents) = settings.strip_accents {
            changed |= bert.strip_accents != Some(strip_accents);
            bert.strip_accents = Some(strip_accents);
        }
    }
    if settings.lowercase_first {
        let first = NormalizerWrapper::Lowercase(Lowercase);
        let all = std::iter::once(first).chain(normalizer).collect();
        return Some(NormalizerWrapper::Sequence(NormalizerSequence::new(all)));
    }
    changed.then_some(normalizer).flatten()
}
