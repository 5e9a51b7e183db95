//! What can be wrong with a picture, or with the place where one should go.

use thiserror::Error;

/// A refused picture or output. Every message is one sentence that names the file.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageError {
    /// Nothing is there.
    #[error("`{origin}` does not exist; check the path")]
    NotFound {
        /// The file.
        origin: String,
    },
    /// A folder where a picture should be.
    #[error("`{origin}` is a directory; name a picture in it")]
    Directory {
        /// The folder.
        origin: String,
    },
    /// The operating system would not let us read.
    #[error("`{origin}` cannot be read ({reason}); check its permissions")]
    Unreadable {
        /// The file.
        origin: String,
        /// What the system said.
        reason: String,
    },
    /// More bytes than any picture within the limits has.
    #[error("`{origin}` is larger than {limit_mebibytes} MiB; save the picture in a smaller file")]
    FileTooLarge {
        /// The file.
        origin: String,
        /// The limit.
        limit_mebibytes: u64,
    },
    /// A file of zero bytes.
    #[error("`{origin}` is empty; fetch or make the picture again")]
    Empty {
        /// The file.
        origin: String,
    },
    /// The content is none of the formats, whatever the name says.
    #[error(
        "`{origin}` is not a picture, whatever its name says; give a PNG, JPEG, WebP, TIFF, BMP or GIF file"
    )]
    NotAPicture {
        /// The file.
        origin: String,
    },
    /// A picture, but of a kind that is not read.
    #[error(
        "`{origin}` is {kind}, which is not read; convert it to a PNG or a baseline JPEG in RGB"
    )]
    Unsupported {
        /// The file.
        origin: String,
        /// What it is.
        kind: String,
    },
    /// The header announces more than is worth starting on.
    #[error(
        "`{origin}` is {width}×{height} pixels, and the limit is {max_side} on a side and {max_megapixels} megapixels; shrink it first"
    )]
    TooLarge {
        /// The file.
        origin: String,
        /// W.
        width: u32,
        /// H.
        height: u32,
        /// The limit on either.
        max_side: u32,
        /// The limit on their product, in millions.
        max_megapixels: u64,
    },
    /// Cut off, or its parts contradict each other.
    #[error("`{origin}` is damaged or cut off ({reason}); fetch or save it again")]
    Damaged {
        /// The file.
        origin: String,
        /// What the decoder said.
        reason: String,
    },
    /// The output's name does not tell a format that is written.
    #[error("`{path}` does not end in .png, .jpg, .webp, .tiff or .bmp; name the output so")]
    UnknownExtension {
        /// The output.
        path: String,
    },
    /// The folder of the output is not there.
    #[error("the folder `{folder}` of the output `{path}` does not exist; make it first")]
    FolderMissing {
        /// The output.
        path: String,
        /// Its folder.
        folder: String,
    },
    /// The folder of the output refuses new files.
    #[error(
        "nothing can be written to the folder `{folder}` of the output `{path}` ({reason}); choose another"
    )]
    FolderNotWritable {
        /// The output.
        path: String,
        /// Its folder.
        folder: String,
        /// What the system said.
        reason: String,
    },
    /// The file system has no files of this name.
    #[error("the output `{path}` cannot have this name ({reason}); choose a shorter name")]
    OutputNameRefused {
        /// The output.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// The output is a folder, a device or the like.
    #[error("the output `{path}` is {kind}, not a file; name a file")]
    OutputNotAFile {
        /// The output.
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// The output exists and its owner has taken away the right to change it.
    #[error("the output `{path}` is write-protected; choose another name or allow writing")]
    OutputProtected {
        /// The output.
        path: String,
    },
    /// The result would replace what it was made from.
    #[error(
        "the output `{path}` is the same file as `{input}`, which is read or written too; choose another name"
    )]
    OutputIsInput {
        /// The output.
        path: String,
        /// The input or other output it coincides with.
        input: String,
    },
    /// Encoding failed, for example because the format's own limit is passed.
    #[error("`{path}` cannot be made ({reason}); try .png")]
    Unencodable {
        /// The output.
        path: String,
        /// What the encoder said.
        reason: String,
    },
    /// Writing failed, for example because the disk is full.
    #[error("`{path}` cannot be written ({reason}); check free space and permissions")]
    Unwritable {
        /// The output.
        path: String,
        /// What the system said.
        reason: String,
    },
}
