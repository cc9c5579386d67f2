//! Vectors in PostgreSQL's binary format: two bytes of dimensions, two that are unused, big-endian floats.
//!
//! # Source
//!
//! pgvector 0.8.5, `src/vector.c`, `vector_recv` and `vector_send`.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// A vector of type `vector`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Vector(pub(super) Vec<f32>);

/// A vector of type `vector` on its way there.
#[derive(Debug)]
pub(super) struct Floats<'a>(pub(super) &'a [f32]);

impl ToSql for Floats<'_> {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        out.put_u16(u16::try_from(self.0.len())?);
        out.put_u16(0);
        self.0.iter().for_each(|value| out.put_f32(*value));
        Ok(IsNull::No)
    }

    fn accepts(ty: &Type) -> bool {
        ty.name() == "vector"
    }

    to_sql_checked!();
}

impl ToSql for Vector {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Floats(&self.0).to_sql(ty, out)
    }

    fn accepts(ty: &Type) -> bool {
        <Floats<'_> as ToSql>::accepts(ty)
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Vector {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let (head, floats) =
            raw.split_first_chunk::<4>().ok_or("a vector has a head of 4 bytes")?;
        let dimensions = usize::from(u16::from_be_bytes([head[0], head[1]]));
        let (floats, rest) = floats.as_chunks::<4>();
        if floats.len() != dimensions || !rest.is_empty() {
            return Err("a vector has other dimensions than it says".into());
        }
        Ok(Self(floats.iter().map(|bytes| f32::from_be_bytes(*bytes)).collect()))
    }

    fn accepts(ty: &Type) -> bool {
        <Self as ToSql>::accepts(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_comes_back_as_it_went() {
        let vector = Vector(vec![1.5, -0.0, f32::MIN_POSITIVE, f32::MAX]);
        let mut bytes = BytesMut::new();
        vector.to_sql(&Type::UNKNOWN, &mut bytes).unwrap();
        assert_eq!(bytes[..8], [0, 4, 0, 0, 0x3f, 0xc0, 0, 0]);
        assert_eq!(Vector::from_sql(&Type::UNKNOWN, &bytes).unwrap(), vector);
    }

    #[test]
    fn bytes_that_are_no_vector_are_refused() {
        for raw in [&[][..], &[0, 1, 0], &[0, 2, 0, 0, 1, 2, 3, 4], &[0, 1, 0, 0, 1, 2, 3, 4, 5]] {
            assert!(Vector::from_sql(&Type::UNKNOWN, raw).is_err(), "{raw:?}");
        }
    }
}
