// A C target needs one source file; everything is in the headers.
