//! What is too large for a message goes through the servers' object store, in pieces, and only its name is in the message.
//!
//! Whoever needs an object last removes it. What a lost host or a lost caller leaves behind the server removes after
//! [`OBJECT_AGE_MAX`].

use crate::error::ConnectError;
use crate::names::Names;
use crate::stream::within;
use async_nats::jetstream::context::Context;
use async_nats::jetstream::object_store::{Config, ObjectStore};
use async_nats::jetstream::stream::StorageType;
use bytes::Bytes;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

/// After this nobody needs an object.
const OBJECT_AGE_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// What a server moves at the least, in bytes per second. A slower one is taken for one that is away.
const SPEED_MIN: u64 = 1 << 20;

/// The pool's bucket, which is made when it is first needed.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) jetstream: Context,
    pub(crate) names: Names,
    pub(crate) storage: StorageType,
    pub(crate) replicas: usize,
}

/// An object is not there: its owner has to put it there again.
#[derive(Debug)]
pub(crate) struct Gone;

impl Store {
    async fn bucket(&self) -> Result<ObjectStore, ConnectError> {
        within("opening the object store", async {
            if let Ok(bucket) = self.jetstream.get_object_store(self.names.bucket()).await {
                return Ok(bucket);
            }
            let config = Config {
                bucket: self.names.bucket(),
                max_age: OBJECT_AGE_MAX,
                storage: self.storage,
                num_replicas: self.replicas,
                ..Config::default()
            };
            match self.jetstream.create_object_store(config).await {
                Ok(bucket) => Ok(bucket),
                // Another one may have been faster.
                Err(error) => {
                    match self.jetstream.get_object_store(self.names.bucket()).await {
                        Ok(bucket) => Ok(bucket),
                        Err(_) => Err(ConnectError::Engine {
                            call: "making the object store",
                            source: Box::new(error),
                        }),
                    }
                }
            }
        })
        .await
    }

    /// Puts an object there, in place of one of the same name.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), ConnectError> {
        const CALL: &str = "writing to the object store";
        let patience = patience(bytes.len() as u64);
        let put = async {
            let bucket = self.bucket().await?;
            let put = bucket.put(name, &mut &bytes[..]).await;
            put.map_err(|error| ConnectError::Engine { call: CALL, source: Box::new(error) })
        };
        let put = timeout(patience, put).await;
        put.map_err(|late| ConnectError::Engine { call: CALL, source: Box::new(late) })?
            .map(drop)
    }

    /// Reads an object of at most `limit` bytes.
    pub(crate) async fn get(&self, name: &str, limit: usize) -> Result<Bytes, Gone> {
        let get = async {
            let bucket = self.bucket().await.map_err(|_| Gone)?;
            let mut object = bucket.get(name).await.map_err(|_| Gone)?;
            let len = object.info().size;
            let mut bytes = Vec::new();
            if len > limit || bytes.try_reserve_exact(len).is_err() {
                return Err(Gone);
            }
            object.read_to_end(&mut bytes).await.map_err(|_| Gone)?;
            Ok(Bytes::from(bytes))
        };
        timeout(patience(limit as u64), get).await.unwrap_or(Err(Gone))
    }

    /// Removes an object. One that stays is removed by the server later.
    pub(crate) async fn delete(&self, name: &str) {
        let delete = async {
            let bucket = self.jetstream.get_object_store(self.names.bucket()).await;
            if let Ok(bucket) = bucket {
                let _ = bucket.delete(name).await;
            }
        };
        let _ = timeout(patience(0), delete).await;
    }
}

fn patience(bytes: u64) -> Duration {
    Duration::from_secs(20 + bytes / SPEED_MIN)
}
