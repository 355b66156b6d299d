//! Clients and servers that people use, through the gateway: curl, httpx and websockets for Python, the SDKs of OpenAI,
//! Anthropic and Dify, LiteLLM's proxy, gRPC, h2load and wrk. What `cargo xtask setup` installs must be there.

mod curl;
mod grpc;
mod httpx;
mod leaks;
mod load;
mod masked;
mod openai;
mod program;
mod websockets;
