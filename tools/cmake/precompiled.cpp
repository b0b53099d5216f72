// Nothing: what counts is the header that is precompiled with it.
