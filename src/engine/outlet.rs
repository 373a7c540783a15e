//! Where pieces leave an engine: a bounded channel, so that a slow disk slows the command and not the memory.
//! In: pieces. Out: the same, in order. Never: more than the channel's bound in memory, an error (a closed outlet drops).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::mpsc;

use super::Piece;

/// The engine's end of the channel. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outlet {
    pieces: mpsc::Sender<Piece>,
    sent: Arc<AtomicBool>,
}

/// Room for one piece, taken before the piece is made.
pub(crate) type Room<'o> = mpsc::Permit<'o, Piece>;

impl Outlet {
    /// A piece of output holds up to 64 KiB, a part of a large file four times that; all steps of a run share this room.
    pub const PIECES_MAX: usize = 64;

    pub fn new(sender: mpsc::Sender<Piece>) -> Self {
        Self { pieces: sender, sent: Arc::default() }
    }
    /// An outlet and the end that the ledger's thread drains with `blocking_recv`.
    pub fn bounded() -> (Self, mpsc::Receiver<Piece>) {
        let (sender, receiver) = mpsc::channel(Self::PIECES_MAX);
        (Self::new(sender), receiver)
    }
    /// Whether this outlet or a clone of it has handed anything over.
    pub fn sent_anything(&self) -> bool {
        self.sent.load(Ordering::Relaxed)
    }
    /// Waits for room. `None`: nobody listens any more.
    pub(crate) async fn room(&self) -> Option<Room<'_>> {
        self.sent.store(true, Ordering::Relaxed);
        self.pieces.reserve().await.ok()
    }
    /// Waits for room and hands the piece over.
    pub async fn send(&self, piece: Piece) {
        self.sent.store(true, Ordering::Relaxed);
        // A receiver that is gone means that the run is over; the reply says the rest.
        let _ = self.pieces.send(piece).await;
    }
    /// Waits until everything that was handed over stands in its file.
    pub(crate) async fn written(&self) {
        let (done, written) = tokio::sync::oneshot::channel();
        self.send(Piece::Written(done)).await;
        // Nobody listens any more: the run is over.
        let _ = written.await;
    }
    /// Hands a piece over from a blocking thread.
    pub(crate) fn send_blocking(&self, piece: Piece) {
        self.sent.store(true, Ordering::Relaxed);
        let _ = self.pieces.blocking_send(piece);
    }
}
