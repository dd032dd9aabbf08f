"""Messages: written with the booking, sent after it. Knows recipients, not bookings."""
