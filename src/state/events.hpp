// Brings epoll's events, and the beginning of a graceful shutdown, to the records.
#pragma once
#include "worker.hpp"

// Marks the endpoint that an event is for, and wakes its record; does nothing if that endpoint is closed.
void deliver(const net::Token& token, const sys::Event& event, Worker& worker) noexcept;

// Begins the graceful shutdown: wakes the records of idle clients, which then close.
void begin_drain(Worker& worker) noexcept;

// Records in use, without those of viewers of the board.
std::size_t used_by_clients(const Worker& worker) noexcept;

// Counts the records with a request in flight; those in lingering close are not counted.
std::size_t requests_in_flight(const Worker& worker) noexcept;
