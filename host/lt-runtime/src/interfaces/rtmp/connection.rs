//! Connections.

use std::rc::Rc;

use lt_metrics::Direction;
use lt_net::NetError;
use lt_net::rtmp::{PlayRequest, PublishRequest, RtmpError};
use wasmtime::component::Resource;

use super::options::{self, Asked, PublicUrl};
use super::player::PlayerHandle;
use super::publisher::PublisherHandle;
use super::{handles_used_up, values, waits};
use crate::bindings::rtmp as wit;
use crate::bindings::rtmp::{ErrorCode, HostConnection};
use crate::interfaces::View;
use crate::pinned::{Pinned, PinnedFuture};
use crate::rtmp::told::ToldStream;
use crate::rtmp::{Dial, OpenConnection, OpenPlayer, OpenPublisher};
use crate::sockets::{Labels, Place};
use crate::trace::{traced, traced_async};

/// A connection that the guest holds. Dropping it abandons it, with its streams.
#[expect(
    unreachable_pub,
    reason = "the generated bindings re-export it inside this crate"
)]
pub struct ConnectionHandle(Pinned<OpenConnection>);

type Handle = Resource<ConnectionHandle>;
type Outcome<T> = wasmtime::Result<Result<T, ErrorCode>>;

/// Whether something was asked of the server at all.
fn was_attempted(error: &RtmpError) -> bool {
    !matches!(
        error,
        RtmpError::Net(NetError::InvalidRequest(_)) | RtmpError::TooMany(_)
    )
}

impl View<'_> {
    fn open_connection(&self, handle: &Handle) -> wasmtime::Result<&OpenConnection> {
        Ok(self.0.table.get(handle)?.0.get())
    }

    /// A stream is asked for: whoever is told of it.
    fn told_stream(
        &self,
        handle: &Handle,
        labels: Labels,
        direction: Direction,
    ) -> wasmtime::Result<Rc<ToldStream>> {
        let labels = self.open_connection(handle)?.labels.of_stream(labels);
        let io = self.0.io("rtmp")?;
        Ok(ToldStream::new(&labels, io.streams(), direction))
    }

    /// Ask for a stream to publish.
    fn begin_publishing(
        &self,
        handle: &Handle,
        (request, labels): (PublishRequest, Labels),
    ) -> Outcome<OpenPublisher> {
        let told = self.told_stream(handle, labels, Direction::Publish)?;
        let connection = &self.open_connection(handle)?.connection;
        Ok(match connection.publish(request, told.clone()) {
            Ok(publisher) => {
                told.publishes(&publisher);
                Ok(OpenPublisher { publisher, told })
            }
            Err(error) => Err(refused_here(&told, error)),
        })
    }

    /// Ask for a stream to play.
    fn begin_playing(
        &self,
        handle: &Handle,
        (request, labels): (Box<PlayRequest>, Labels),
    ) -> Outcome<OpenPlayer> {
        let place = match &request.options.frames {
            Some(inbox) => match Place::beside(self.0.io("rtmp")?.sockets(), inbox.bytes_max) {
                Ok(place) => Some(place),
                Err(text) => return Ok(Err(ErrorCode::TooMany(text))),
            },
            None => None,
        };
        let told = self.told_stream(handle, labels, Direction::Play)?;
        let connection = &self.open_connection(handle)?.connection;
        Ok(match connection.play(*request, told.clone()) {
            Ok(player) => {
                told.plays(&player);
                Ok(OpenPlayer {
                    player,
                    told,
                    _place: place,
                })
            }
            Err(error) => Err(refused_here(&told, error)),
        })
    }
}

/// There is no stream, and no server was asked.
fn refused_here(told: &ToldStream, error: RtmpError) -> ErrorCode {
    if was_attempted(&error) {
        told.not_started(&error);
    } else {
        told.withdrawn();
    }
    error.into()
}

impl HostConnection for View<'_> {
    async fn connect(
        &mut self,
        url: String,
        options: Option<wit::ConnectOptions>,
    ) -> Outcome<Handle> {
        let dial = Box::new(Dial {
            url,
            options: options.map(Box::new),
            group: self.0.group(),
        });
        let (url, options) = (PublicUrl(&dial.url), Asked(dial.options.as_deref()));
        traced_async!(self, "rtmp.connection.connect", (url, options), {
            let connecting = {
                let io = self.0.io("rtmp")?;
                PinnedFuture::new(Box::pin(
                    async move { Pinned::new(io.connect_rtmp(dial).await) },
                ))
            };
            Ok(match connecting.await.into_inner() {
                Ok(open) => {
                    let handle = ConnectionHandle(Pinned::new(open));
                    self.0.table.push(handle).map_err(|_| handles_used_up())
                }
                Err(error) => Err(error),
            })
        })
    }

    fn connected(&mut self, this: Handle) -> wasmtime::Result<wit::Connected> {
        traced!(self, "rtmp.connection.connected", (this), {
            Ok(self.open_connection(&this)?.connection.connected().into())
        })
    }

    async fn publish(
        &mut self,
        this: Handle,
        name: String,
        options: Option<wit::PublishOptions>,
    ) -> Outcome<Resource<PublisherHandle>> {
        traced_async!(self, "rtmp.connection.publish", (this, name, options), {
            let starting = {
                let asked = match options::publish(name, options, self.0.group()) {
                    Ok(asked) => asked,
                    Err(error) => return Ok(Err(error)),
                };
                match self.begin_publishing(&this, asked)? {
                    Ok(open) => PinnedFuture::new(Box::pin(async move {
                        Pinned::new(waits::publishing(open).await)
                    })),
                    Err(error) => return Ok(Err(error)),
                }
            };
            Ok(match starting.await.into_inner() {
                Ok(open) => {
                    let handle = PublisherHandle::new(open);
                    self.0.table.push(handle).map_err(|_| handles_used_up())
                }
                Err(error) => Err(error),
            })
        })
    }

    async fn play(
        &mut self,
        this: Handle,
        name: String,
        options: Option<wit::PlayOptions>,
    ) -> Outcome<Resource<PlayerHandle>> {
        traced_async!(self, "rtmp.connection.play", (this, name, options), {
            let starting = {
                let asked = match options::play(name, options, self.0.group()) {
                    Ok(asked) => asked,
                    Err(error) => return Ok(Err(error)),
                };
                match self.begin_playing(&this, asked)? {
                    Ok(open) => PinnedFuture::new(Box::pin(async move {
                        Pinned::new(waits::playing(open).await)
                    })),
                    Err(error) => return Ok(Err(error)),
                }
            };
            Ok(match starting.await.into_inner() {
                Ok(open) => {
                    let handle = PlayerHandle::new(open);
                    self.0.table.push(handle).map_err(|_| handles_used_up())
                }
                Err(error) => Err(error),
            })
        })
    }

    async fn call(
        &mut self,
        this: Handle,
        command: String,
        arguments: Vec<wit::AmfValue>,
        timeout: Option<u64>,
    ) -> Outcome<Vec<wit::AmfValue>> {
        traced_async!(
            self,
            "rtmp.connection.call",
            (this, command, arguments, timeout),
            {
                let answer = {
                    let arguments = match values::all_from_guest("arguments", arguments) {
                        Ok(arguments) => arguments,
                        Err(error) => return Ok(Err(error)),
                    };
                    let connection = &self.open_connection(&this)?.connection;
                    match connection.call(&command, arguments) {
                        Ok(call) => PinnedFuture::new(Box::pin(waits::called(call, timeout))),
                        Err(error) => return Ok(Err(error.into())),
                    }
                };
                let answer = answer.await;
                Ok(answer.map(|values| values.into_iter().map(values::to_guest).collect()))
            }
        )
    }

    fn closed(&mut self, this: Handle) -> wasmtime::Result<Option<wit::Close>> {
        traced!(self, "rtmp.connection.closed", (this), {
            let connection = &self.open_connection(&this)?.connection;
            Ok(connection.closed().map(wit::Close::from))
        })
    }

    async fn close(&mut self, this: Handle) -> wasmtime::Result<wit::Close> {
        traced_async!(self, "rtmp.connection.close", (this), {
            let closing = {
                let connection = self.open_connection(&this)?.connection.clone();
                connection.begin_close();
                // The pump keeps to its time.
                let closed =
                    async move { std::future::poll_fn(|cx| connection.poll_closed(cx)).await };
                PinnedFuture::new(Box::pin(closed))
            };
            Ok(closing.await.into())
        })
    }

    fn drop(&mut self, this: Handle) -> wasmtime::Result<()> {
        self.0.table.delete(this)?;
        Ok(())
    }
}
