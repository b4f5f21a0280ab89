//! A connection whose reader must take what is written to it in time: one that asks for a picture
//! and never reads it would hold its connection and the picture's bytes for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Sleep, sleep},
};

/// What a reader who lets us wait must take within the limit, in bytes, so that one who takes a byte
/// now and then is told from one on a slow line: with 15 s it is 17 KiB/s.
const LEAST_BYTES: usize = 256 * 1024;

/// A stream on which no write waits longer than a limit for its reader.
pub(super) struct Patience<S> {
    stream: S,
    limit: Duration,
    /// Runs from a write that had to wait until enough or everything is taken.
    waiting: Option<Pin<Box<Sleep>>>,
    /// Bytes taken meanwhile.
    taken: usize,
}

impl<S> Patience<S> {
    pub(super) fn new(stream: S, limit: Duration) -> Self {
        Self {
            stream,
            limit,
            waiting: None,
            taken: 0,
        }
    }

    fn written(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(written) = progress {
            self.taken += written.as_ref().map_or(0, |bytes| *bytes);
            if self.taken >= LEAST_BYTES {
                self.rest();
            }
            return Poll::Ready(written);
        }
        self.judge(context, progress)
    }

    fn flushed(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<()>>,
    ) -> Poll<io::Result<()>> {
        if progress.is_ready() {
            self.rest();
            return progress;
        }
        self.judge(context, progress)
    }

    fn rest(&mut self) {
        self.waiting = None;
        self.taken = 0;
    }

    fn judge<T>(
        &mut self,
        context: &mut Context<'_>,
        progress: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if progress.is_ready() {
            return progress;
        }
        if self.waiting.is_none() {
            self.taken = 0;
        }
        let limit = self.limit;
        let waiting = self.waiting.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(waiting.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patience<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patience<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, progress)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let progress = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(context, progress)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_flush(context);
        self.flushed(context, progress)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let progress = Pin::new(&mut self.stream).poll_shutdown(context);
        self.judge(context, progress)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    const LIMIT: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn who_reads_gets_everything_and_who_does_not_is_left() {
        let (ours, mut theirs) = duplex(8);
        let mut ours = Patience::new(ours, LIMIT);
        let written = ours.write_all(&[7; 64]);
        let mut read = [0; 64];
        let (written, taken) = tokio::join!(written, theirs.read_exact(&mut read));
        assert!(written.is_ok() && taken.is_ok());
        let fault = ours.write_all(&[7; 64]).await.unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_takes_a_byte_now_and_then_is_left_and_who_reads_slowly_is_not() {
        let (ours, mut theirs) = duplex(8);
        let drip = tokio::spawn(async move {
            let mut rounds = tokio::time::interval(LIMIT / 4);
            while theirs.read_u8().await.is_ok() {
                rounds.tick().await;
            }
        });
        let mut ours = Patience::new(ours, LIMIT);
        let fault = ours.write_all(&[7; 4_096]).await.unwrap_err();
        assert_eq!(fault.kind(), io::ErrorKind::TimedOut);
        drop(ours);
        drip.await.unwrap();

        let (ours, mut theirs) = duplex(LEAST_BYTES);
        let slow = tokio::spawn(async move {
            let mut room = vec![0; LEAST_BYTES];
            let mut rounds = tokio::time::interval(LIMIT / 4);
            while theirs.read(&mut room).await.is_ok_and(|bytes| bytes > 0) {
                rounds.tick().await;
            }
        });
        let mut ours = Patience::new(ours, LIMIT);
        ours.write_all(&vec![7; 16 * LEAST_BYTES]).await.unwrap();
        drop(ours);
        slow.await.unwrap();
    }
}
