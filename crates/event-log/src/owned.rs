//! Objects of librdkafka that this program has to destroy.
#![allow(unsafe_code)]

/// An object of librdkafka that is destroyed at the end of its scope, unless it is null.
pub(crate) struct Owned<T> {
    object: *mut T,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Owned<T> {
    /// # Safety
    /// `object` must be null, or an object of librdkafka that is the caller's to destroy with `destroy` and that
    /// nobody else destroys. The client that it belongs to must live for as long as the result.
    pub(crate) unsafe fn new(object: *mut T, destroy: unsafe extern "C" fn(*mut T)) -> Self {
        Self { object, destroy }
    }

    /// Valid for as long as `self`, if it is not null.
    pub(crate) fn as_ptr(&self) -> *mut T {
        self.object
    }
}

// SAFETY: librdkafka's objects may be used and destroyed on any thread, and `new` takes no others.
unsafe impl<T> Send for Owned<T> {}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        if !self.object.is_null() {
            // SAFETY: `new` requires that the object may be destroyed like this, and this is the only place.
            unsafe { (self.destroy)(self.object) }
        }
    }
}
